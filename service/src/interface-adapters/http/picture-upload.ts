import type { FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { ApplicationError } from '../../application/errors.ts'
import { refuseField } from '../../application/validate.ts'
import { UPLOAD_LIMITS } from '../../domain/avatar.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { TransportError } from './problem-details.ts'

/** What stands around the picture: boundaries and the headers of the part. */
const ENVELOPE_BYTES = 16 * 1024
const FORM_BYTES = UPLOAD_LIMITS.bytes + ENVELOPE_BYTES

/**
 * The one file of a form, in its field `avatar` (RFC 7578). All of the form is read, up to its limit, before any of it
 * is looked at: what breaks off or never ends leaves nothing behind.
 */
export async function readPicture(request: FastifyRequest): Promise<Uint8Array> {
  const form = await parseForm(await readAll(request.raw), request.headers['content-type'] ?? '')
  const fields = [...form.keys()]
  if (!fields.includes('avatar')) {
    throw refuse('required', 'Send the picture as a file in the field "avatar".')
  }
  if (fields.length > 1) throw refuse('invalid_format', 'Send one picture in one field, and nothing else.')
  const picture = form.get('avatar')
  if (picture === null || typeof picture === 'string') {
    throw refuse('invalid_type', 'Send the picture as a file, with a file name.')
  }
  if (picture.size > UPLOAD_LIMITS.bytes) throw new ApplicationError('picture_too_large')
  return picture.bytes()
}

const refuse = (code: 'required' | 'invalid_format' | 'invalid_type', message: string): ApplicationError =>
  refuseField('avatar', new InvalidValue(code, message))

async function readAll(body: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  if (Number(body.headers['content-length'] ?? 0) > FORM_BYTES)
    throw new ApplicationError('picture_too_large')
  const chunks: Buffer[] = []
  let length = 0
  try {
    // Not destroyed where it is too long: the connection is needed for the answer, and the server drops the rest.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > FORM_BYTES) throw new ApplicationError('picture_too_large')
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof ApplicationError ? error : new TransportError('malformed_request')
  }
  return Buffer.concat(chunks, length)
}

/** By the parser that the runtime has for what `fetch` receives. A broken form fails; none keeps it waiting. */
async function parseForm(body: Buffer<ArrayBuffer>, contentType: string): Promise<FormData> {
  try {
    // Discouraged on servers since it has no limits of its own: here all of the form is within ours already.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return await new Response(body, { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw new TransportError('malformed_request')
  }
}

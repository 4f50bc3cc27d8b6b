import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { ApplicationError } from '../../application/errors.ts'
import { refuseField } from '../../application/validate.ts'
import { UPLOAD_LIMITS } from '../../domain/avatar.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { TransportError } from './transport-error.ts'

/** Room around the picture, for the boundaries and the headers of the part. */
const ENVELOPE_BYTES = 16 * 1024
const FORM_BYTES = UPLOAD_LIMITS.bytes + ENVELOPE_BYTES

/** Enforced while the form is read. A second part is enough to refuse it, so the parser stops at a third. */
const LIMITS = {
  parts: 2,
  fileSize: UPLOAD_LIMITS.bytes,
  fieldSize: 1024,
  fieldNameSize: 100,
  headerPairs: 16,
  headerSize: ENVELOPE_BYTES,
}

/** Makes the routes of this scope accept forms. No byte of a form is read before `readPicture`. */
export function acceptPictureForms(app: FastifyInstance): void {
  void app.register(multipart, { limits: LIMITS })
}

/** Throws `unsupported_media_type` for a body that is not a plain multipart form. */
export function requireForm({ headers }: FastifyRequest): void {
  const isForm = /^multipart\/form-data *;/i.test(headers['content-type'] ?? '')
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity'
  if (!isForm || !isPlain) throw new TransportError('unsupported_media_type')
}

/**
 * Reads the file in the field `avatar` of a form (RFC 7578). Throws `validation_failed` if the form is not exactly this
 * one file, and `picture_too_large` or `malformed_request`. Stops reading at the first error.
 */
export async function readPicture(request: FastifyRequest): Promise<Uint8Array> {
  const body = request.raw
  if (Number(body.headers['content-length'] ?? 0) > FORM_BYTES)
    throw new ApplicationError('picture_too_large')
  try {
    return await Promise.race([readParts(request), failWhenTooLong(body)])
  } finally {
    // The parser receives no more bytes. The response needs the connection, so the rest is read and dropped.
    body.unpipe().resume()
  }
}

interface Part {
  /** Undefined if the part has no name, which the types of the package do not say. */
  readonly name: string | undefined
  /** Undefined for a field without a file, and for a file input where the user chose none. */
  readonly file: Buffer | undefined
}

async function readParts(request: FastifyRequest): Promise<Uint8Array> {
  const parts: Part[] = []
  let hasMore = false
  try {
    for await (const part of request.parts()) {
      const file = part.type === 'file' ? await part.toBuffer() : undefined
      parts.push({ name: part.fieldname, file: part.type === 'file' && part.filename ? file : undefined })
    }
  } catch (error) {
    hasMore = isSurplusPart(error)
  }
  // The parser accepts an empty body as a form without parts.
  const isForm = request.raw.readableDidRead && parts.every(({ name }) => name !== undefined)
  if (!isForm) throw new TransportError('malformed_request')
  return pictureOf(parts, hasMore)
}

/** True if the parser stopped at a part too many. Turns every other error into one for the caller, and throws it. */
function isSurplusPart(error: unknown): true {
  switch ((error as { readonly code?: string }).code) {
    case 'FST_PARTS_LIMIT':
    case 'FST_PROTO_VIOLATION':
    case 'FST_INVALID_JSON_FIELD_ERROR':
      return true
    case 'FST_REQ_FILE_TOO_LARGE':
      throw new ApplicationError('picture_too_large')
    default:
      throw new TransportError('malformed_request')
  }
}

function pictureOf(parts: readonly Part[], hasMore: boolean): Uint8Array {
  const [first, ...others] = parts
  if (!parts.some(({ name }) => name === 'avatar')) {
    throw refuse('required', 'Send the picture as a file in the field "avatar".')
  }
  if (hasMore || others.length > 0) {
    throw refuse('invalid_format', 'Send the field "avatar" with one picture, and no other field.')
  }
  if (first?.file === undefined) throw refuse('invalid_type', 'Send the picture as a file, with a file name.')
  return first.file
}

const refuse = (code: 'required' | 'invalid_format' | 'invalid_type', message: string): ApplicationError =>
  refuseField('avatar', new InvalidValue(code, message))

/** Counts the bytes of the body, since the parser has no limit for the whole form. Rejects or stays pending. */
function failWhenTooLong(body: IncomingMessage): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  let length = 0
  body.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > FORM_BYTES) reject(new ApplicationError('picture_too_large'))
  })
  return promise
}

// Checks that every response of a listener is declared in its published OpenAPI document.
import { z } from 'zod'

interface SeenAnswer {
  readonly status: number
  readonly contentType: string | null
  readonly body: unknown
}

interface DeclaredAnswer {
  readonly description: string
  readonly content?: Record<string, { schema?: object }>
}

interface OpenApi {
  readonly paths: Record<string, Record<string, { responses: Record<string, DeclaredAnswer> }>>
  readonly components: { readonly schemas: object }
}

export class ApiContract {
  readonly #document: OpenApi
  readonly #schemas = new Map<object, z.ZodType>()

  constructor(document: OpenApi) {
    this.#document = document
  }

  /** The contract of the listener at `url`. */
  static async read(url: string): Promise<ApiContract> {
    const response = await fetch(`${url}/openapi.json`)
    return new ApiContract((await response.json()) as OpenApi)
  }

  /** Says how a response differs from its declaration; undefined if it matches or the path is not in the document. */
  objection(method: string, path: string, { status, contentType, body }: SeenAnswer): string | undefined {
    const isHead = method === 'HEAD'
    const operation = this.#operation(isHead ? 'GET' : method, path)
    // A refused method (405) has no operation in the document.
    if (operation === undefined) return undefined
    const declared = operation.responses[status]
    if (declared === undefined) return `status ${status} is not declared`
    const contents = declared.content ?? {}
    const isEmpty = Object.values(contents).every((each) => each.schema === undefined)
    if (isHead || isEmpty || status === 204) return body === undefined ? undefined : 'there is a body'
    const mediaType = contentType?.split(';')[0] ?? ''
    const schema = contents[mediaType]?.schema
    if (schema === undefined) return `${status} is not declared as ${mediaType}`
    const code = mediaType === 'application/problem+json' ? (body as { code: string }).code : undefined
    if (code !== undefined && !declared.description.includes(`\`${code}\``))
      return `the code ${code} is not declared`
    const { error } = this.#validator(schema).safeParse(body)
    return error && z.prettifyError(error)
  }

  #operation(method: string, path: string) {
    const segments = path.split(/[?#]/)[0]?.split('/') ?? []
    const fits = (template: string): boolean => {
      const parts = template.split('/')
      return (
        parts.length === segments.length &&
        parts.every((part, at) => part.startsWith('{') || part === segments[at])
      )
    }
    const template = Object.keys(this.#document.paths)
      .filter(fits)
      .toSorted((a, b) => a.split('{').length - b.split('{').length)[0]
    return template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()]
  }

  #validator(schema: object): z.ZodType {
    const known = this.#schemas.get(schema)
    if (known !== undefined) return known
    const whole = JSON.stringify({ ...schema, $defs: this.#document.components.schemas })
    const validator = z.fromJSONSchema(
      JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')) as never,
    )
    this.#schemas.set(schema, validator)
    return validator
  }
}

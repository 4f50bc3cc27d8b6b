/** A guess at the user `number` of its kind, from an address. */
export interface Guess {
  readonly number: number
  readonly address: string
}

/** A request of a stranger about an address. Its response must not show whether the address is known. */
export interface Question {
  readonly promise: string
  readonly line: string
  readonly body: (email: string) => object
}

const signIn: Question = {
  promise: 'a wrong password shows no kind of user',
  line: 'POST /v1/sessions',
  body: (email) => ({ username: email, password: 'a wrong guess' }),
}

const reset: Question = {
  promise: 'a request for a new password shows no kind of user',
  line: 'POST /v1/password-resets',
  body: (email) => ({ email }),
}

/** A history of guesses, and the place of the next one. */
export interface State {
  readonly name: string
  readonly question: Question
  /** The status of the responses that count. */
  readonly status: 202 | 401 | 429
  /** Guesses that use up a budget: they repeat until the service asks for a long wait. */
  readonly before?: {
    readonly users: number
    readonly guess: (kind: number, number: number, index: number) => Guess
  }
  /** The guess of a sample. */
  readonly sample: (kind: number, index: number) => Guess
}

/** Samples of each kind of user in each state. */
export const SAMPLES = 1_000
/** Users of each kind at whose names others guess. */
const FEW = 20

const place = (group: number, kind: number, number: number): string =>
  `13.${group}.${kind * 64 + (number >> 8)}.${number & 255}`
const office = '14.0.0.1'

export const states: readonly State[] = [
  {
    name: 'nobody has guessed',
    question: signIn,
    status: 401,
    sample: (kind, index) => ({ number: index % SAMPLES, address: place(1, kind, index) }),
  },
  {
    name: 'the stranger has guessed at the name',
    question: signIn,
    status: 429,
    before: { users: FEW, guess: (kind, number) => ({ number, address: place(2, kind, number) }) },
    sample: (kind, index) => ({ number: index % FEW, address: place(2, kind, index % FEW) }),
  },
  {
    name: 'others have guessed at the name',
    question: signIn,
    status: 429,
    before: {
      users: FEW,
      guess: (kind, number, index) => ({ number: FEW + number, address: place(3 + index, kind, number) }),
    },
    sample: (kind, index) => ({ number: FEW + (index % FEW), address: place(200, kind, index) }),
  },
  {
    name: 'the network has no attempts left',
    question: signIn,
    status: 429,
    before: { users: 1, guess: (_, number) => ({ number, address: office }) },
    sample: (_, index) => ({ number: index % SAMPLES, address: office }),
  },
  {
    name: 'nobody has asked',
    question: reset,
    status: 202,
    sample: (kind, index) => ({ number: index % SAMPLES, address: place(201, kind, index) }),
  },
]

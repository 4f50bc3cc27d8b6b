import { request } from '../http/request.ts'

/** Users `p1@example.org` and so on, by number. */
export interface Users {
  readonly first: number
  readonly count: number
}

/** All that a request of an attack is made of. */
export interface Moment {
  readonly round: number
  /** The users who sign in during the attack. */
  readonly others: Users
  readonly password: string
  /** Of a user who takes part in the attack. */
  readonly accessToken: string
}

export interface Attack {
  /** Sign-ins of other users per second. */
  readonly perSecond: number
  /** The address from which another user signs in; left out where each has its own. */
  readonly placeOfOthers?: (round: number) => string
  /** Another user has to buy the sign-in with a proof of work, so its time says nothing about the service. */
  readonly isBought?: boolean
  /** The request number `index` of the attack, complete. */
  readonly request: (moment: Moment, index: number) => string
}

const PER_SECOND = 6
/** Each proof takes a client a good part of a second of a core. */
const BOUGHT_PER_SECOND = 1

const from = (address: string): string => `x-forwarded-for: ${address}`
const anywhere = (index: number): string => `11.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
const emailOf = (user: number): string => `p${user}@example.org`

const signIn = (address: string, username: string, password: string, more: object = {}): string =>
  request('POST /v1/sessions', [from(address)], JSON.stringify({ username, password, ...more }))
const guess = (address: string, username: string): string => signIn(address, username, 'a wrong guess')

const office = (round: number): string => `12.0.${round}.1`
const bearer = ({ accessToken }: Moment): string => `authorization: Bearer ${accessToken}`

/** Each kind of abuse that other users could notice, by what somebody does. */
export const attacks: Readonly<Record<string, Attack>> = {
  'one user signs in with the right password all the time': {
    perSecond: PER_SECOND,
    request: ({ round, password }) => signIn('12.1.0.1', emailOf(1 + round), password),
  },
  'one network signs in with the right passwords of 500 users': {
    perSecond: PER_SECOND,
    request: ({ password }, index) => signIn('12.2.0.1', emailOf(10 + (index % 500)), password),
  },
  'strangers everywhere guess at the names of all others': {
    perSecond: BOUGHT_PER_SECOND,
    isBought: true,
    request: ({ others }, index) => guess(anywhere(index), emailOf(others.first + (index % others.count))),
  },
  'a neighbour behind the same address guesses': {
    perSecond: PER_SECOND,
    placeOfOthers: office,
    request: ({ round }, index) => guess(office(round), `nobody${index}@example.org`),
  },
  'guesses come from 65,536 networks of one /48': {
    perSecond: PER_SECOND,
    request: ({ round }, index) =>
      guess(`2001:db8:${round}:${(index & 0xffff).toString(16)}::1`, `nobody${index}@example.org`),
  },
  'one network sends proofs of work that are wrong': {
    perSecond: PER_SECOND,
    request: ({ round }, index) =>
      signIn(`12.5.${round}.1`, `nobody${index}@example.org`, 'a wrong guess', {
        proof_of_work: Buffer.from(`{"challenge":{"signature":"${index}"}}`).toString('base64'),
      }),
  },
  'one network signs up all the time': {
    perSecond: PER_SECOND,
    request: ({ round, password }, index) => {
      const username = `new_${round}_${index}`
      return request(
        'POST /v1/users',
        [from('12.6.0.1')],
        JSON.stringify({ username, email: `${username}@example.org`, password }),
      )
    },
  },
  'one user searches and asks for tickets all the time': {
    perSecond: PER_SECOND,
    request: (moment, index) =>
      index % 2 === 0
        ? request(`GET /v1/users?username=p${index % 100}`, [bearer(moment), from('12.7.0.1')])
        : request('POST /v1/tickets', [bearer(moment), from('12.7.0.1')]),
  },
}

/** The sign-in of another user, from a place of its own or from the shared one. */
export function signInOfOther(
  attack: Attack,
  round: number,
  user: number,
  password: string,
  more = {},
): string {
  const own = `10.${(user >> 16) & 255}.${(user >> 8) & 255}.${user & 255}`
  return signIn(attack.placeOfOthers?.(round) ?? own, emailOf(user), password, more)
}

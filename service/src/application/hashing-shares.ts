import type { ClientAddress } from '../domain/device.ts'
import type { UserId } from '../domain/user.ts'
import type { HashingShare } from './ports/password-hasher.ts'

/**
 * Users known from this network or device take turns with strangers, then networks with networks, then names with names.
 * A network of IPv6 takes its turn inside the ones around it, so that a site with thousands of them counts as one.
 */
export const signInShare = (address: ClientAddress, name: string, isKnown: boolean): HashingShare => [
  isKnown ? 'known' : 'strangers',
  ...networksOf(address),
  `sign-in:${name}`,
]

/** All sign-ups of a network together, since their names cost nothing. */
export const registrationShare = (address: ClientAddress): HashingShare => [
  'strangers',
  ...networksOf(address),
  'registration',
]

/** Of a user who has a session already, or a link from a mail. */
export const ownPasswordShare = (userId: UserId): HashingShare => ['signed in', String(userId)]

const networksOf = ({ network, widerNetworks }: ClientAddress): string[] => [
  ...widerNetworks.toReversed(),
  network,
]

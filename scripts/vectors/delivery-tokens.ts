import { headerOf, issuer, nowSeconds, tokenOf, type Json, type Kid } from './signing.ts'

export const deliveryHeader = (kid: Kid): Json => ({ ...headerOf(kid), typ: 'delivery+jwt' })

/** Good claims of a delivery token at `nowSeconds`, but for `more`. A member that is undefined is left out. */
export const deliveryClaims = (more: Json = {}): Json => ({
  iss: issuer,
  sub: '17',
  user_id: 17,
  jti: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  iat: nowSeconds,
  exp: nowSeconds + 60,
  ...more,
})

export const deliveryToken = (more: Json = {}, kid: Kid = 'ed'): string =>
  tokenOf(kid, deliveryClaims(more), deliveryHeader(kid))

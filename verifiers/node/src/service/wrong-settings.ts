/** The error to report if the status of a call shows that a setting of the verifier is wrong. */
export function faultOfSettings(path: string, status: number): Error | undefined {
  if (status === 401 || status === 403) {
    return new Error(
      `POST ${path}: status ${status}; check that serviceKey is one of SERVICE_KEYS of the service, with the scope verify`,
    )
  }
  if (status !== 404) return undefined
  return new Error(`POST ${path}: status 404; check that url is the internal listener of the service`)
}

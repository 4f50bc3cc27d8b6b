/** How an error is sent. */
export interface ProblemType {
  readonly status: number
  readonly title: string
  /** Says first the problem, then the next step. Becomes `detail` unless the error brings its own. */
  readonly advice: string
}

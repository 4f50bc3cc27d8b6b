// Runs in a worker thread, see zxcvbn-password-strength.ts.
import type { NewPassword } from '../../domain/password.ts'
import { serveTasks } from './serve-tasks.ts'
import { ZxcvbnScoring, type Names } from './zxcvbn-scoring.ts'

const scoring = await ZxcvbnScoring.load()

const tasks = {
  objection: (password: NewPassword, names: Names) => scoring.objection(password, names),
}

export type ScoringTasks = typeof tasks

serveTasks(tasks)

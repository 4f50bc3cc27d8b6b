import { InvalidValue } from './invalid-value.ts'

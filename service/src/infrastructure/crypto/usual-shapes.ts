/** Digits and symbols around one word, such as `2025!` or `@1234`. With more of them, the other checks decide. */
const mostAdded = 8
const shortestRun = 3

/** Seasons, months, days and first words, which users choose when a password must be changed. English ones are in the lists. */
const words = new Set(
  (
    'spring summer autumn winter monday tuesday wednesday thursday friday saturday sunday january february march april ' +
    'june july august september october november december pass test user login welcome hello company chatauth authchat ' +
    'frühling fruehling frühjahr sommer herbst montag dienstag mittwoch donnerstag freitag samstag sonntag januar jänner ' +
    'februar märz maerz juni juli oktober dezember passwort kennwort willkommen hallo ' +
    'printemps automne hiver lundi mardi mercredi jeudi vendredi samedi dimanche janvier février fevrier mars avril juin ' +
    'juillet août aout septembre octobre novembre décembre decembre motdepasse bienvenue bonjour ' +
    'primavera verano otoño otono invierno lunes martes miércoles miercoles jueves viernes sábado sabado domingo enero ' +
    'febrero marzo abril junio julio agosto septiembre octubre noviembre diciembre contraseña contrasena bienvenido hola ' +
    'estate autunno inverno lunedì lunedi martedì martedi mercoledì mercoledi giovedì giovedi venerdì venerdi sabato ' +
    'domenica gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre benvenuto ciao ' +
    'verão verao outono janeiro fevereiro março marco maio junho julho setembro outubro novembro dezembro senha lente ' +
    'zomer herfst wachtwoord welkom wiosna lato jesień jesien zima haslo hasło witaj весна лето осень зима пароль привет'
  ).split(' '),
)

const rows = ['abcdefghijklmnopqrstuvwxyz', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm']
const otherKeyboards = [
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  'йцукенгшщзхъ',
  'фывапролджэ',
]
const runs = [...rows, ...otherKeyboards].flatMap((row) => [row, Array.from(row).reverse().join('')])

/** Whether a password is one word or run of letters with the usual digits and symbols at its ends: `Spring2025!`, `Abcd@1234`. */
export function isUsualShape(password: string, isKnown: (word: string) => boolean): boolean {
  const core = /^\P{L}*(\p{L}+)\P{L}*$/u.exec(password.toLowerCase())?.[1]
  if (core === undefined || password.length - core.length > mostAdded) return false
  const once = core.replace(/^(.{2,}?)\1+$/u, '$1')
  if (words.has(once) || /^(.)\1+$/u.test(core)) return true
  if (once.length >= shortestRun && runs.some((run) => run.includes(once))) return true
  return once.length > shortestRun && isKnown(once)
}

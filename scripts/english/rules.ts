/** A mechanical rule of plain English: where the pattern matches, the text should be written again. */
export interface EnglishRule {
  readonly pattern: RegExp
  /** What to write instead. */
  readonly advice: string
}

export const englishRules: readonly EnglishRule[] = [
  {
    pattern: /\banswer(?:s|ed|ing)?\b/giu,
    advice: 'a function returns, a server responds, a call gets a response',
  },
  { pattern: /\bat once\b/giu, advice: 'write "immediately" or "at the same time"' },
  {
    pattern: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more than\b|less than\b|later than\b)/giu,
    advice: 'write "is not a", "has no" or "there is no"',
  },
  {
    pattern:
      /(?:^|[.,;:!?]\s+)(?:were|had|should) (?:the|an?|it|its|they|their|there|this|that|these|he|she|you|one|any\w*|some\w*|every\w*|both)\b(?![^.?!]*\?)/giu,
    advice: 'start the condition with "if"',
  },
  { pattern: /\b(?:for|gets?|takes?|given) so long\b/giu, advice: 'name the time: "for N seconds"' },
  { pattern: /\b(?:person|persons|people)(?:'s|’s)?\b/giu, advice: 'write "user"' },
  {
    pattern: /\b(?:is|are|was|were|be|been|being|gets?) told\b/giu,
    advice: 'name the event: "receives", "sees", "is notified"',
  },
  {
    pattern: /\b(?:is|are|was|were|be|been|let|lets) (?:\w+ )?let in\b|\blets? (?:\w+ )?in\b/giu,
    advice: 'write "accepts", "may sign in"',
  },
  {
    pattern: /(?:^|[.!?]\s+)(?:What|Whoever|Those that|Those who|Whatever)\b(?![^.?!]*\?)/gu,
    advice: 'name the thing the sentence is about',
  },
  {
    pattern: /\b(?:is|are|was|were|be|been|goes|stays?) away\b/giu,
    advice: 'write "down", "unreachable" or "slow"',
  },
  { pattern: /\bunder way\b/giu, advice: 'write "in progress" or "in flight"' },
  { pattern: /\b(?:lest|whence|thereof|hitherto|hereby|whereupon)\b/giu, advice: 'use an everyday word' },
  { pattern: /\bdocker-compose\b(?!\.)/gu, advice: 'the command is "docker compose"' },
]

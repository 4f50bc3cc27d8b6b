import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventStreamParser, type StreamEvent } from '../../src/feed/event-stream.ts'

function read(chunks: readonly Uint8Array[], maxEventBytes = 1_000_000) {
  const events: StreamEvent[] = []
  const parser = new EventStreamParser((event) => events.push(event), { maxEventBytes })
  for (const chunk of chunks) parser.push(chunk)
  return { events, parser }
}
const eventsOf = (text: string) => read([Buffer.from(text)]).events

describe('an event stream', () => {
  test('an event stream is parsed as the HTML standard says', () => {
    expect(eventsOf('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([
      { type: 'message', data: 'YHOO\n+2\n10' },
    ])
    expect(
      eventsOf(
        ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
      ),
    ).toEqual([
      { type: 'message', data: 'first event' },
      { type: 'message', data: 'second event' },
      { type: 'message', data: ' third event' },
    ])
    expect(eventsOf('data\n\ndata\ndata\n\ndata:')).toEqual([
      { type: 'message', data: '' },
      { type: 'message', data: '\n' },
    ])
    expect(eventsOf('data:test\n\ndata: test\n\n')).toEqual([
      { type: 'message', data: 'test' },
      { type: 'message', data: 'test' },
    ])
  })

  test('the type of an event does not apply to the next event', () => {
    expect(eventsOf('event: a\ndata: 1\n\nevent: b\n\ndata: 2\n\n')).toEqual([
      { type: 'a', data: '1' },
      { type: 'message', data: '2' },
    ])
  })

  test('an event stream may begin with one byte order mark', () => {
    expect(eventsOf('\uFEFFdata: 1\n\n')).toEqual([{ type: 'message', data: '1' }])
    expect(eventsOf('\uFEFF\uFEFFdata: 1\n\n')).toEqual([])
    expect(eventsOf('data: 1\n\n\uFEFFdata: 2\n\n')).toHaveLength(1)
  })

  test('the reconnection delay of an event stream must consist of digits', () => {
    expect(read([Buffer.from('retry: 1500\n\n')]).parser.retryMs).toBe(1500)
    expect(
      read([Buffer.from('retry: 1500\nretry: soon\nretry: -1\nretry: 1e3\nretry:\n\n')]).parser.retryMs,
    ).toBe(1500)
  })

  test('the event stream parser reports whether it is inside an event', () => {
    const { parser } = read([Buffer.from('retry: 1\n\n: comment\n')])
    expect(parser.insideEvent).toBe(false)
    parser.push(Buffer.from(': another '))
    expect(parser.insideEvent).toBe(false)
    parser.push(Buffer.from('comment\n'))
    expect(parser.insideEvent).toBe(false)
    parser.push(Buffer.from('da'))
    expect(parser.insideEvent).toBe(true)
    parser.push(Buffer.from('ta: x\n'))
    expect(parser.insideEvent).toBe(true)
    parser.push(Buffer.from('\n'))
    expect(parser.insideEvent).toBe(false)
  })

  test('an event stream is refused when an event, a line or a comment exceeds the limit', () => {
    for (const text of [`data: ${'x'.repeat(200)}`, `:${'x'.repeat(200)}`, 'data: x\n'.repeat(30)]) {
      expect(() => read([Buffer.from(text)], 100)).toThrow(RangeError)
      expect(() =>
        read(
          [...Buffer.from(text)].map((byte) => Uint8Array.of(byte)),
          100,
        ),
      ).toThrow(RangeError)
    }
    const many = 'data: x\n\n: comment\n'.repeat(1_000)
    expect(read([Buffer.from(many)], 100).events).toHaveLength(1_000)
  })

  test('an event stream yields the same events with any chunks and line ends', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
      fc.constantFrom(
        '',
        'data: ä€😀',
        'event: revoked',
        'data',
        ':',
        ': 😀',
        'id: 7',
        'retry: 10',
        'data:{"a":1}',
      ),
    )
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
    fc.assert(
      fc.property(stream, fc.array(fc.nat(60), { maxLength: 40 }), (lines, cuts) => {
        // A CR followed by an empty line that ends in LF would be one CRLF.
        const normal = lines.map(([text]) => `${text}\n`).join('')
        const mixed = lines
          .map(([text, end], at) => text + (end === '\r' && lines[at + 1]?.[0] === '' ? '\n' : end))
          .join('')
        const bytes = Buffer.from(mixed)
        const chunks: Uint8Array[] = []
        let at = 0
        for (const cut of cuts) {
          chunks.push(bytes.subarray(at, at + cut))
          at += cut
        }
        chunks.push(bytes.subarray(at))
        const [whole, pieces] = [read([Buffer.from(normal)]), read(chunks)]
        expect(pieces.events).toEqual(whole.events)
        expect(pieces.parser.retryMs).toBe(whole.parser.retryMs)
      }),
      { numRuns: 500 },
    )
  })

  test('an event stream in single bytes yields the same events with any line end', () => {
    const text = 'event: snapshot\ndata: {"a":"ä€😀"}\n\n: x\ndata: 2\n\n'
    for (const end of ['\n', '\r\n', '\r']) {
      const bytes = [...Buffer.from(text.replaceAll('\n', end))].map((byte) => Uint8Array.of(byte))
      expect(read(bytes).events).toEqual(eventsOf(text))
      expect(eventsOf(text)).toHaveLength(2)
    }
  })
})

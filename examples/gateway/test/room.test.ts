import { once } from 'node:events'
import { beforeAll, expect, test } from 'vitest'
import { DemoProcess } from './support/demo-process.ts'
import { Visitor } from './support/visitor.ts'

let demo: DemoProcess

beforeAll(async () => {
  demo = await new DemoProcess({ ACCESS_TOKEN_TTL: '10s' }).ready()
  return () => demo.stop()
})

test('a ticket opens one socket, and a second one is refused with 410', async () => {
  const ann = await Visitor.arrive(demo)
  const ticket = await ann.ticket()
  const socket = ann.knock(ticket)
  await once(socket, 'open')
  expect(await ann.refusalOf(ticket)).toBe(410)
  expect(socket.readyState).toBe(socket.OPEN)
  socket.close()
})

test('a ticket of the page is refused to a page of another origin, and is spent', async () => {
  const ann = await Visitor.arrive(demo)
  const ticket = await ann.ticket()
  expect(await ann.refusalOf(ticket, 'https://evil.example')).toBe(403)
  expect(await ann.refusalOf(ticket)).toBe(410)
})

test('a path without a room, and a knock without a ticket, are refused', async () => {
  const ann = await Visitor.arrive(demo)
  expect(await ann.refusalOf('')).toBe(410)
  const { status } = await fetch(`${demo.url}/room`)
  expect(status).toBe(404)
})

test('a socket whose token is not renewed closes with 4408', async () => {
  const ann = await Visitor.arrive(demo)
  const socket = await ann.enter()
  expect(await socket.closed).toBe(4408)
})

test('a renewal returns the new expiry; a token of another session is refused', async () => {
  const [ann, ben] = [await Visitor.arrive(demo), await Visitor.arrive(demo)]
  const socket = await ann.enter()
  socket.send({ type: 'renew', access_token: ben.tokens.access_token })
  expect(await socket.hears('refused')).toEqual({ type: 'refused', code: 'invalid_claims' })
  socket.send({ type: 'renew', access_token: 'nonsense' })
  expect(await socket.hears('refused')).toEqual({ type: 'refused', code: 'malformed_token' })
  await ann.refresh()
  socket.send({ type: 'renew', access_token: ann.tokens.access_token })
  expect((await socket.hears('renewed')).expires_at).toBeGreaterThan(Date.now() / 1000)
  socket.close()
})

test.for([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['an unknown type', '{"type":"shout","text":"a"}'],
  ['no text', '{"type":"say","text":7}'],
  ['nothing but spaces', '{"type":"say","text":"  "}'],
  ['too much text', JSON.stringify({ type: 'say', text: 'a'.repeat(1001) })],
  ['a renewal without a token', '{"type":"renew"}'],
])('a message with %s is refused, and the socket stays', async ([, message]) => {
  const ann = await Visitor.arrive(demo)
  const socket = await ann.enter()
  socket.send(message)
  expect(await socket.hears('refused')).toEqual({ type: 'refused', code: 'malformed_message' })
  socket.send({ type: 'say', text: ' still here ' })
  expect(await socket.hears('said')).toMatchObject({ text: 'still here' })
  socket.close()
})

test('a message that is too long closes its socket with 1009, and no other', async () => {
  const [ann, ben] = [await Visitor.arrive(demo), await Visitor.arrive(demo)]
  const [tooLong, bystander] = [await ann.enter(), await ben.enter()]
  tooLong.send({ type: 'say', text: 'a'.repeat(9000) })
  expect(await tooLong.closed).toBe(1009)
  bystander.send({ type: 'say', text: 'fine' })
  expect(await bystander.hears('said')).toMatchObject({ text: 'fine' })
  bystander.close()
})

test('the page comes with a policy that lets it talk to the gateway and chat-auth alone', async () => {
  const response = await fetch(demo.url)
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain(`connect-src 'self' ${demo.authUrl};`)
  expect(policy).not.toMatch(/unsafe|\*|data:/)
  const html = await response.text()
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/)
})

test('only the files of the page are served, to GET and HEAD', async () => {
  for (const path of ['/package.json', '/../gateway.ts', '/%2e%2e/gateway.ts', '/index.html', '//page.js']) {
    expect((await fetch(demo.url + path)).status, path).toBe(404)
  }
  const { status, headers } = await fetch(demo.url, { method: 'POST' })
  expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

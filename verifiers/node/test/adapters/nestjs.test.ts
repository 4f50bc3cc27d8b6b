import 'reflect-metadata'
import {
  Controller,
  Get,
  HttpException,
  Logger,
  Post,
  Req,
  UseGuards,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { requireToken } from '../../src/adapters/nestjs.ts'
import type { Claims } from '../../src/token-types.ts'
import { FakeVerifier } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

interface Guarded {
  readonly claims: Claims
}

/** The decorators as the functions that they are: nothing compiles them here. */
function controllerWith(verifier: FakeVerifier): new () => object {
  class Routes {
    open(): object {
      return {}
    }
    guarded({ claims }: Guarded): object {
      return { user_id: claims.user_id }
    }
    post(): object {
      return {}
    }
    recent({ claims }: Guarded): object {
      return { user_id: claims.user_id }
    }
  }
  Controller()(Routes)
  decorate(Routes, 'open', Get('open'))
  decorate(Routes, 'guarded', Get('guarded'), UseGuards(requireToken(verifier)))
  decorate(Routes, 'post', Post('guarded'), UseGuards(requireToken(verifier)))
  decorate(Routes, 'recent', Get('recent'), UseGuards(requireToken(verifier, recent)))
  for (const name of ['guarded', 'recent']) Req()(Routes.prototype, name, 0)
  return Routes
}

function decorate(type: new () => object, name: string, ...decorators: readonly MethodDecorator[]): void {
  const prototype = type.prototype as object
  const method = Object.getOwnPropertyDescriptor(prototype, name)
  if (method === undefined) throw new Error(`There is no method ${name}.`)
  for (const decorator of decorators) decorator(prototype, name, method)
}

async function create(
  adapter: ExpressAdapter | FastifyAdapter,
  verifier: FakeVerifier,
): Promise<INestApplication<Server>> {
  Logger.overrideLogger(false)
  const module = { module: Object, controllers: [controllerWith(verifier)] }
  return NestFactory.create<INestApplication<Server>>(module, adapter)
}

async function listen(app: INestApplication<Server>): Promise<RunningServer> {
  await app.listen(0, '127.0.0.1')
  return { port: (app.getHttpServer().address() as AddressInfo).port, stop: () => app.close() }
}

describe.each([
  { platform: 'Express', adapter: () => new ExpressAdapter() },
  { platform: 'Fastify', adapter: () => new FastifyAdapter() },
])('nestjs on $platform', ({ adapter }) => {
  guardsRequests(async (verifier) => listen(await create(adapter(), verifier)), { readsBody: true })
})

test('the refusal of the NestJS guard is an HttpException with the cause', async () => {
  const guard = requireToken(new FakeVerifier())
  const sent: Record<string, string> = {}
  const context = {
    getType: () => 'http',
    switchToHttp: () => ({
      getRequest: () => ({ headers: { authorization: 'Bearer forged' } }),
      getResponse: () => ({ header: (name: string, value: string) => (sent[name] = value) }),
    }),
  } as unknown as ExecutionContext
  const refusal = await Promise.resolve(guard.canActivate(context)).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(HttpException)
  expect(refusal).toMatchObject({ cause: { code: 'bad_signature' } })
  expect((refusal as HttpException).getStatus()).toBe(401)
  expect(sent).toEqual({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'www-authenticate': 'Bearer error="invalid_token"',
  })
})

test('the NestJS guard says that it cannot guard anything but HTTP routes', async () => {
  const guard = requireToken(new FakeVerifier())
  const context = { getType: () => 'ws' } as unknown as ExecutionContext
  await expect(guard.canActivate(context)).rejects.toThrow('requireToken guards HTTP routes only')
})

import { z } from 'zod'

export const ticket = z
  .object({
    ticket: z.string().meta({
      description: 'Opens one socket. Keep it secret.',
      examples: ['kWv4zvZ3cN4mJ0n3XgqvY6W7m5Cq2s8yVJ0gGm3pQeE'],
    }),
    expires_in: z.int().meta({ description: 'Lifetime in seconds.', examples: [30] }),
  })
  .meta({ id: 'Ticket' })

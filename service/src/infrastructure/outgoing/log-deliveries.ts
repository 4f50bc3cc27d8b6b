import type { Logger } from 'pino'
import type { DeliveryNews } from '../../application/outbox/deliver-events.ts'

/** Logs how deliveries fare: names and numbers, never what the events say. */
export const logDeliveries =
  (logger: Logger) =>
  (news: DeliveryNews): void => {
    switch (news.kind) {
      case 'failed':
      case 'dead': {
        const { delivery, error } = news
        const { id, consumer, attempts, event } = delivery
        const told = {
          consumer,
          delivery_id: id,
          event_id: event.id,
          user_id: event.userId,
          attempts,
          reason: error,
        }
        logger.warn({ event: `delivery.${news.kind}`, ...told })
        return
      }
      case 'given-up':
        logger.warn({ event: 'delivery.given_up', consumer: news.consumer, count: news.count })
        return
      case 'interrupted':
        logger.warn({ event: 'delivery.interrupted', consumer: news.consumer, err: news.cause })
        return
      case 'paused':
      case 'resumed':
        logger.warn({ event: `consumer.${news.kind}`, consumer: news.consumer })
    }
  }

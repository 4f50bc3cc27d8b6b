import type { Logger } from 'pino'
import type { DeliveryReport } from '../../application/outbox/deliver-events.ts'

/** Logs how deliveries fare: names and numbers, never the content of the events. */
export const logDelivery =
  (logger: Logger) =>
  (report: DeliveryReport): void => {
    switch (report.kind) {
      case 'failed':
      case 'dead': {
        const { delivery, error } = report
        logger.warn({
          event: `delivery.${report.kind}`,
          consumer: delivery.consumer,
          delivery_id: delivery.id,
          event_id: delivery.event.id,
          user_id: delivery.event.userId,
          attempts: delivery.attempts,
          reason: error,
        })
        return
      }
      case 'given-up':
        logger.warn({ event: 'delivery.given_up', consumer: report.consumer, count: report.count })
        return
      case 'interrupted':
        logger.warn({ event: 'delivery.interrupted', consumer: report.consumer, err: report.cause })
        return
      case 'paused':
      case 'resumed':
        logger.warn({ event: `consumer.${report.kind}`, consumer: report.consumer })
    }
  }

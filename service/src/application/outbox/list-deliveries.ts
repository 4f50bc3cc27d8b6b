import type { Deliveries, DeliveryQuery, ListedDelivery } from '../ports/deliveries.ts'

export interface DeliveryPage {
  readonly items: readonly ListedDelivery[]
  /** The id after which the next page begins; undefined when there is none. */
  readonly next: number | undefined
}

/** Lists waiting deliveries or dead letters. */
export const listDeliveries =
  ({ deliveries }: { deliveries: Deliveries }) =>
  async (query: DeliveryQuery): Promise<DeliveryPage> => {
    const found = await deliveries.list({ ...query, limit: query.limit + 1 })
    const items = found.slice(0, query.limit)
    return { items, next: found.length > query.limit ? items.at(-1)?.id : undefined }
  }

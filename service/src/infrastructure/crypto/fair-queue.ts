import { LinkedList, type Link } from './linked-list.ts'

/**
 * The groups that an item belongs to, the widest first. Groups that share a wider group take turns inside it. No share may
 * be the beginning of another one in the same queue.
 */
export type Share = readonly string[]

/** An item that waits. */
export interface Entry<T> {
  readonly group: Group<T>
  readonly link: Link<T>
}

/** Either has groups inside, or items. It exists only while it has any. */
class Group<T> {
  readonly name: string
  readonly parent: Group<T> | undefined
  readonly items = new LinkedList<T>()
  readonly groups = new Map<string, Group<T>>()
  /** The groups inside, the next one first. */
  readonly turns = new LinkedList<Group<T>>()
  /** The groups inside by their size, so that the largest is found without a search. */
  readonly bySize: LinkedList<Group<T>>[] = []
  size = 0
  turn: Link<Group<T>> | undefined
  rank: Link<Group<T>> | undefined

  constructor(name: string, parent?: Group<T>) {
    this.name = name
    this.parent = parent
  }

  /** The size of the largest group inside. */
  get largestSize(): number {
    return Math.max(0, this.bySize.length - 1)
  }

  get largest(): Group<T> | undefined {
    return this.bySize.at(-1)?.last?.value
  }
}

/**
 * A queue in which no group can keep others out. Items are taken from the groups in turns, at each level, and in order of
 * arrival inside a group. If the queue is full, a newcomer displaces the last item of the largest group, unless its own
 * group would then be as large. So a group keeps its place in the queue, however many items another one adds.
 *
 * Every operation takes a time that depends only on the length of a share.
 */
export class FairQueue<T> {
  readonly #limit: number
  readonly #root = new Group<T>('')

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#root.size
  }

  /** Whether an item of this share waits. */
  holds(share: Share): boolean {
    return (this.#find(share)?.size ?? 0) > 0
  }

  /** Whether an item of this share has no place now. */
  refuses(share: Share): boolean {
    return this.size >= this.#limit && this.#largerThan(share) === undefined
  }

  /** Adds an item that is not refused. Returns the item that lost its place to it. */
  add(share: Share, item: T): { entry: Entry<T>; displaced: T | undefined } {
    const displaced = this.size >= this.#limit ? this.#displaceFor(share) : undefined
    let group = this.#root
    for (const name of share) group = groupIn(group, name)
    const entry = { group, link: group.items.push(item) }
    resize(group, 1)
    return { entry, displaced }
  }

  /** Removes and returns the item whose turn it is. */
  take(): T | undefined {
    let group = this.#root
    for (let turn = group.turns.first; turn !== undefined; turn = group.turns.first) {
      group.turns.remove(turn)
      turn.value.turn = group.turns.push(turn.value)
      group = turn.value
    }
    const link = group.items.first
    if (link !== undefined) this.remove({ group, link })
    return link?.value
  }

  /** Removes an item that still waits. */
  remove({ group, link }: Entry<T>): void {
    group.items.remove(link)
    resize(group, -1)
  }

  #find(share: Share): Group<T> | undefined {
    let group: Group<T> | undefined = this.#root
    for (const name of share) group = group?.groups.get(name)
    return group
  }

  /** The widest group that is larger than the one beside it which the newcomer would join, the newcomer included. */
  #largerThan(share: Share): Group<T> | undefined {
    let group: Group<T> | undefined = this.#root
    for (const name of share) {
      const own: Group<T> | undefined = group?.groups.get(name)
      if (group !== undefined && (own?.size ?? 0) + 1 < group.largestSize) return group.largest
      group = own
    }
    return undefined
  }

  #displaceFor(share: Share): T | undefined {
    let group = this.#largerThan(share)
    while (group?.largest !== undefined) group = group.largest
    const link = group?.items.last
    if (group !== undefined && link !== undefined) this.remove({ group, link })
    return link?.value
  }
}

function groupIn<T>(parent: Group<T>, name: string): Group<T> {
  const group = parent.groups.get(name) ?? new Group(name, parent)
  parent.groups.set(name, group)
  return group
}

/** Changes the size of a group and of those around it by one item. */
function resize<T>(resized: Group<T>, by: 1 | -1): void {
  for (let group: Group<T> | undefined = resized; group !== undefined; group = group.parent) {
    const before = group.size
    group.size += by
    if (group.parent !== undefined) rank(group, group.parent, before)
  }
}

function rank<T>(group: Group<T>, parent: Group<T>, sizeBefore: number): void {
  const { bySize, turns } = parent
  if (group.rank !== undefined) bySize[sizeBefore]?.remove(group.rank)
  if (group.size === 0) {
    parent.groups.delete(group.name)
    if (group.turn !== undefined) turns.remove(group.turn)
  } else {
    group.turn ??= turns.push(group)
    while (bySize.length <= group.size) bySize.push(new LinkedList())
    group.rank = bySize[group.size]?.push(group)
  }
  while (bySize.at(-1)?.isEmpty === true) bySize.pop()
}

// Package recent has a map of bounded size that evicts the least recently used entry.
package recent

import "container/list"

// Map holds at most a fixed number of entries. It is not safe for concurrent use.
type Map[K comparable, V any] struct {
	limit   int
	entries map[K]*list.Element
	// order begins with the least recently used entry.
	order *list.List
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// NewMap returns an empty map of at most limit entries.
func NewMap[K comparable, V any](limit int) *Map[K, V] {
	return &Map[K, V]{limit: limit, entries: map[K]*list.Element{}, order: list.New()}
}

// Len returns the number of entries.
func (m *Map[K, V]) Len() int { return len(m.entries) }

// Get returns a value and marks it as used.
func (m *Map[K, V]) Get(key K) (V, bool) {
	element, isKnown := m.entries[key]
	if !isKnown {
		var none V
		return none, false
	}
	m.order.MoveToBack(element)
	return element.Value.(*entry[K, V]).value, true
}

// Peek returns a value without marking it as used.
func (m *Map[K, V]) Peek(key K) (V, bool) {
	element, isKnown := m.entries[key]
	if !isKnown {
		var none V
		return none, false
	}
	return element.Value.(*entry[K, V]).value, true
}

// Set returns true if another entry was evicted.
func (m *Map[K, V]) Set(key K, value V) bool {
	if element, isKnown := m.entries[key]; isKnown {
		element.Value.(*entry[K, V]).value = value
		m.order.MoveToBack(element)
		return false
	}
	m.entries[key] = m.order.PushBack(&entry[K, V]{key, value})
	if len(m.entries) <= m.limit {
		return false
	}
	oldest := m.order.Remove(m.order.Front()).(*entry[K, V])
	delete(m.entries, oldest.key)
	return true
}

// Delete removes an entry, if it is there.
func (m *Map[K, V]) Delete(key K) {
	if element, isKnown := m.entries[key]; isKnown {
		m.order.Remove(element)
		delete(m.entries, key)
	}
}

// Oldest passes the least recently used entries to visit, as long as it returns true.
func (m *Map[K, V]) Oldest(visit func(K, V) bool) {
	for element := m.order.Front(); element != nil; element = element.Next() {
		oldest := element.Value.(*entry[K, V])
		if !visit(oldest.key, oldest.value) {
			return
		}
	}
}

package expr

import "sync"

type cacheKey struct {
	grammar Kind
	text    string
}

// cache keeps parsed trees in two generations: when the young one is full it becomes the old one, and
// what is used again moves over. That bounds it as an LRU list would, for one lock and no list.
type cache struct {
	size int

	mu         sync.Mutex // protects the maps
	young, old map[cacheKey]*tree
}

func newCache(size int) cache {
	return cache{size: size, young: make(map[cacheKey]*tree)}
}

func (c *cache) get(k cacheKey) *tree {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.young[k]; t != nil {
		return t
	}
	t := c.old[k]
	if t != nil {
		c.add(k, t)
	}
	return t
}

func (c *cache) put(k cacheKey, t *tree) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(k, t)
}

func (c *cache) add(k cacheKey, t *tree) {
	if len(c.young) >= c.size {
		c.young, c.old = make(map[cacheKey]*tree), c.young
	}
	c.young[k] = t
}

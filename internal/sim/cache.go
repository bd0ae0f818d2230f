package sim

import "math"

// prefixCache is what a replica remembers of conversations: per session the tokens whose KV is still in
// blocks that no running sequence needs. It lives in the free part of the KV cache and forgets the session
// unused for longest. It goes with the replica.
type prefixCache struct {
	bySession map[uint64]*memory
	newest    *memory // a ring: newest.older is the next older, newest.newer the oldest
	tokens    float64
	spare     *memory // of forgotten sessions, linked by older
}

type memory struct {
	session      uint64
	tokens       float64
	older, newer *memory
}

// peek is how many tokens of a session are remembered.
func (c *prefixCache) peek(session uint64) float64 {
	if m := c.bySession[session]; m != nil {
		return m.tokens
	}
	return 0
}

// drop forgets a session.
func (c *prefixCache) drop(session uint64) {
	if m := c.bySession[session]; m != nil {
		c.forget(m)
	}
}

// put remembers a session as the newest, whole blocks only.
func (c *prefixCache) put(session uint64, tokens float64) {
	c.drop(session)
	tokens = math.Floor(tokens/BlockTokens) * BlockTokens
	if tokens <= 0 {
		return
	}
	if c.bySession == nil {
		c.bySession = map[uint64]*memory{}
	}
	m := c.spare
	if m == nil {
		m = new(memory)
	} else {
		c.spare = m.older
	}
	*m = memory{session: session, tokens: tokens}
	c.bySession[session] = m
	c.tokens += tokens
	if c.newest == nil {
		m.older, m.newer = m, m
	} else {
		oldest := c.newest.newer
		m.older, m.newer = c.newest, oldest
		c.newest.newer, oldest.older = m, m
	}
	c.newest = m
}

// fit forgets the oldest sessions until the rest has room.
func (c *prefixCache) fit(room float64) {
	for c.newest != nil && c.tokens > room {
		c.forget(c.newest.newer)
	}
}

func (c *prefixCache) forget(m *memory) {
	delete(c.bySession, m.session)
	c.tokens -= m.tokens
	switch {
	case m.older == m:
		c.newest, c.tokens = nil, 0 // with what rounding left
	case c.newest == m:
		c.newest = m.older
		fallthrough
	default:
		m.older.newer, m.newer.older = m.newer, m.older
	}
	m.older, c.spare = c.spare, m
}

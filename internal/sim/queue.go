package sim

// queue is a double-ended queue of requests on a ring that grows by doubling. The zero value is empty.
type queue struct {
	buf  []*Request
	head int
	n    int
}

func (q *queue) len() int { return q.n }

// at returns the i-th request from the front.
func (q *queue) at(i int) *Request { return q.buf[(q.head+i)&(len(q.buf)-1)] }

func (q *queue) grow() {
	if q.n < len(q.buf) {
		return
	}
	buf := make([]*Request, max(16, 2*len(q.buf)))
	for i := range q.n {
		buf[i] = q.at(i)
	}
	q.buf, q.head = buf, 0
}

func (q *queue) pushBack(r *Request) {
	q.grow()
	q.buf[(q.head+q.n)&(len(q.buf)-1)] = r
	q.n++
}

func (q *queue) pushFront(r *Request) {
	q.grow()
	q.head = (q.head - 1) & (len(q.buf) - 1)
	q.buf[q.head] = r
	q.n++
}

func (q *queue) popFront() *Request {
	r := q.buf[q.head]
	q.buf[q.head] = nil
	q.head = (q.head + 1) & (len(q.buf) - 1)
	q.n--
	return r
}

func (q *queue) popBack() *Request {
	q.n--
	i := (q.head + q.n) & (len(q.buf) - 1)
	r := q.buf[i]
	q.buf[i] = nil
	return r
}

// remove takes the i-th request from the front out of the queue; those before it keep their order.
func (q *queue) remove(i int) *Request {
	r := q.at(i)
	mask := len(q.buf) - 1
	for ; i > 0; i-- {
		q.buf[(q.head+i)&mask] = q.buf[(q.head+i-1)&mask]
	}
	q.popFront()
	return r
}

class S(object):
    __slots__ = ('a', 'b', '__dict__')
    def __init__(self):
        self.a = []
        self.c = 1
class T(S):
    __slots__ = ('d',)
s = S()
s.a.append(1)
s.b = s
s.c += 1
t = T()
t.d = t.a
t.d.append(5)
t.d += [6]
del t.a
t.a = [t]
t.e = 'dict'
class N(object):
    __slots__ = 'v', 'next'
    def __init__(self, v, nxt=None):
        self.v, self.next = v, nxt
head = None
for i in range(5):
    head = N(i, head)
prev = None
cur = head
while cur:
    cur.next, prev, cur = prev, cur, cur.next
head = prev
node = head
while node.next:
    node.v *= 2
    node = node.next

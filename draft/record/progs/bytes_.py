import array
b = bytearray(b'hello')
b[0] = 72
b += b' world'
b.extend(b'!!')
del b[5]
b[1:3] = b'ELL'
b.append(33)
c = b
c.reverse()
a = array.array('i', [1, 2, 3])
a[1] = 20
a.append(4)
a += a
a.extend([9])
a.insert(0, 7)
a.pop()
s = b'bytes'
for i in range(len(b)):
    b[i] ^= 1
sieve = bytearray([1]) * 30
for i in range(2, 6):
    if sieve[i]:
        sieve[i * i::i] = bytearray(len(sieve[i * i::i]))

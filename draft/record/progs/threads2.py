import threading
lock = threading.Lock()
out = []
data = {'n': 0}
def work(n):
    for i in range(3):
        with lock:
            data['n'] += n
            out.append([n, i])
ts = []
for k in range(3):
    t = threading.Thread(target=work, args=(k,))
    t.start()
    t.join()
    ts.append(t.is_alive())
    del t
out.sort()
data['end'] = out[0]

from __future__ import print_function
import sys, random, signal, cmp
def program(seed):
    pick=random.Random(seed)
    L=['import random','class O(object):','    def __init__(self, v=0):','        self.v = v','        self.kids = []','    def add(self, x):','        self.kids.append(x)','        self.v += 1','        return self',
       'class S(list):','    pass',
       'def f(x, y=None):','    x.append(y)','    return x','def fact(n):','    return 1 if n < 2 else n * fact(n - 1)',
       'def count(n):','    i = 0','    while True:','        if i >= n:','            return','        yield i','        i += 1',
       'def fin(n):','    try:','        if n % 3 == 0:','            raise KeyError(n)','        if n % 3 == 1:','            return n','    except KeyError as e:','        log.append(str(e))','        if n > 5:','            raise','    finally:','        log.append("fin")','    return -n',
       'def mk():','    box = []','    def push(x):','        box.append(x)','        return len(box)','    return push, box',
       'push, pbox = mk()','log = []','a, b, c = [1], [[2], 3], [O()]','d, o, s = {}, O(), set()','q = S([1])','o.l = a','n = 0']
    E=['n','a','b','c','len({0})','n % 3','[n, {0}]','{{n: {0}}}','o.v','fact(n % 5)','[x for x in range(n % 4)]','sum(x for x in range(n))','(n, {0})','list(count(n % 3))','sorted(map(str, range(3)))','{1}[-1]','d.get(n)','"%s" % n','n if n % 2 else {0}','not {0} or n','[y for x in ([1, n], [2]) for y in x if y]','(lambda z: z + n)(1)','push(n)','str(n).upper()']
    S=['{0}.append({E})','{0} = {1}','{0} = [{1}, n]','{0} += [n, {E}]','{0}[n % len({0})] = {E}','{0}.insert(0, {E})','{0}.reverse()','{0}[1:] = {1}[:2]','d[n % 3] = {E}','d.setdefault(n % 4, []).append({0})',
       'o.l = {0}','o.l.append({E})','o.m = o','o.l, {0} = {0}, o.l','f({0}, {1})','f({0})','{0} = f(list({1}[:3]), n)','d.pop(n % 3, None)','d.clear()','{0} = [x for x in {1} if x is not None][:5]','{0}.extend({1}[:2])',
       '{0}.pop()','{0} = {0} + [n]','{0} = list({0})','del d[n % 3]','{0}[99]','{0}[0], {1}[-1] = {1}[-1], {0}[0]','vars(o)["k"] = {0}','o.k = {E}','s.add(n % 4)','s.add((n, "t"))','s.discard(n % 3)','s |= set([n])','q.append({E})','q[0] = n','q.extend([n])',
       'o.add({E})','o.add({0}).add(n)','o.kids[-1:] = [n]','x = {0}.pop() if len({0}) > 1 else None','fin(n)','log.append(fin(n))','d[n] = d.get(n, 0) + 1','d[n] += 1','o.v *= 2','del {0}[0]','del {0}[::2]','random.shuffle({0})','{0}.sort(key=id)' if 0 else '{0}.reverse()','{0}[:] = [n]','push({E})','o = O({E})','i, {0}[i % 1] = 0, n','d["z"], o.z, y = {0}, n, {E}','for d[n] in range(2): log.append(n)','for w, u in zip({0}, {1}): log.append(n)','del o.k','c.append(O({E}))','c[-1].add({0})','globals()["g%d" % (n % 3)] = {0}','exec("e = n")','t = {0} = {E}','o.__dict__["dyn"] = {E}','setattr(o, "sa", {E})','print({E})','assert {E}','{0} = {E}']
    def expr(): 
        return pick.choice(E).format(pick.choice('abc'),pick.choice('abc'))
    def stmt(ind,depth):
        r=pick.random(); p=' '*ind
        if depth<2 and r<0.25:
            k=pick.choice(['if','for','while','try','with','tryf','def'])
            if k=='if':
                out=[p+'if %s:'%expr()]+stmt(ind+4,depth+1)
                if pick.random()<.5: out+=[p+'elif %s:'%expr()]+stmt(ind+4,depth+1)
                if pick.random()<.5: out+=[p+'else:']+stmt(ind+4,depth+1)
                return out
            if k=='for':
                out=[p+'for x%d in %s:'%(depth,pick.choice(['range(2)','count(3)','list(a[:2])','(1, n)']))]+stmt(ind+4,depth+1)
                if pick.random()<.4: out+=[p+'    if %s:'%expr(), p+'        '+pick.choice(['break','continue'])]+stmt(ind+4,depth+1)
                if pick.random()<.3: out+=[p+'else:']+stmt(ind+4,depth+1)
                return out
            if k=='while':
                return [p+'k%d = 0'%depth,p+'while k%d < %d:'%(depth,pick.randint(1,3)),p+'    k%d += 1'%depth]+stmt(ind+4,depth+1)
            if k=='try':
                return [p+'try:']+stmt(ind+4,depth+1)+[p+'except (IndexError, KeyError):']+stmt(ind+4,depth+1)+[p+'except Exception as err:']+stmt(ind+4,depth+1)+([p+'else:']+stmt(ind+4,depth+1) if pick.random()<.4 else [])
            if k=='tryf':
                return [p+'try:']+stmt(ind+4,depth+1)+[p+'except Exception:',p+'    log.append(0)',p+'finally:']+stmt(ind+4,depth+1)
            if k=='with':
                return [p+'with W() as w%d:'%depth]+stmt(ind+4,depth+1)
            if k=='def':
                return [p+'def g%d(p, *r):'%depth,p+'    h = [p]',p+'    h.append(r)']+[p+'    for j in r: h[0] = j',p+'    return h',p+'res = g%d(n, %s)'%(depth,expr())]
        form=pick.choice(S)
        form=form.replace('{E}',expr().replace('{','{{').replace('}','}}')).format(pick.choice('abc'),pick.choice('abc'))
        if form.startswith('exec') and sys.version_info[0]==2: form='exec "e = n"'
        if form.startswith('print') and sys.version_info[0]==2: form='print "x", '+form[6:-1]
        return [p+form]
    L+=['class W(object):','    def __enter__(self):','        log.append("in")','        return self','    def __exit__(self, *e):','        log.append("out")','        return e[0] is KeyError']
    L.append('for n in range(%d):'%pick.randint(3,9))
    for _ in range(pick.randint(4,9)):
        L+=['    try:']+stmt(8,0)+['    except Exception:','        pass']
        if pick.random()<.3: L+=['    if len(a) > 9: del a[3:]','    if len(b) > 9: del b[3:]']
    return '\n'.join(L)+'\n'
if __name__=='__main__':
    class Slow(BaseException): pass
    def alarm(*a): raise Slow
    signal.signal(signal.SIGALRM, alarm)
    good=0; first=int(sys.argv[1]); many=int(sys.argv[2]); bad=0
    for seed in range(first,first+many):
        text=program(seed)
        try: compile(text,'x','exec',0,True)
        except SyntaxError as e: print(seed,'syntax',e); continue
        signal.alarm(20)
        try: r=cmp.compare(text,'seed %d'%seed,many==1)
        except Slow: continue
        finally: signal.alarm(0)
        good+=r is True; bad+=r is False
        if many==1: print(text)
        if bad>6: break
    print(sys.version.split()[0],'good',good,'bad',bad,'of',many)

from __future__ import print_function
import sys, os, shutil, tempfile, types
sys.path.insert(0,'')
import hotload
d=tempfile.mkdtemp(); ran=[]; outs=[]
def load(text,name='mine'):
    m=types.ModuleType(name); m.__file__=os.path.join(d,name+'.py'); sys.modules[name]=m
    del ran[:], outs[:]
    vars(m).update(note=ran.append,out=outs.append,hotload=hotload,**{n:getattr(hotload,n) for n in ('ReactorFunc','SubreactorFunc','Ingredient','ConfigBase','Plant')})
    exec(compile(text,m.__file__,'exec',0,True),vars(m)); return m
def go(text,root='show',**how):
    m=load(text)
    with hotload.Plant(os.path.join(d,'s'),**how) as p: p.run_reactor(root)
    return list(ran),list(outs)
def check(label,got,want):
    print('ok  ' if got==want else 'FAIL', label, '' if got==want else (got,want))
R='''
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('x', %s)
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('x')))
'''
def edits(label, head, expr, *pairs, **kw):
    t=head+R%expr
    first=go(t)[1]; check(label+' same', go(t),([],first))
    for o,n in pairs:
        assert o in t,(o,)
        r=go(t.replace(o,n)); check(label+' '+n, r[0],['a']); 
        check(label+' back', go(t),([],first))
if sys.version_info>=(3,4): edits('lru_cache','import functools\n@functools.lru_cache(None)\ndef f(x): return x+1\n','f(1)',('x+1','x+2'))
edits('partial','import functools\ndef g(x,y): return x+y\nf=functools.partial(g,1)\n','f(1)',('x+y','x-y'),('partial(g,1)','partial(g,2)'))
edits('wraps','import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)*2\n    return w\n@deco\ndef f(x): return x+1\n','f(1)',('*2','*3'),('x+1','x+5'))
if sys.version_info>=(3,4): edits('enum','import enum\nclass E(enum.Enum):\n    a=1\n    b=2\n','E.a.value',('a=1','a=7'))
if sys.version_info>=(3,7): edits('dataclass','import dataclasses\n@dataclasses.dataclass\nclass P:\n    x:int=1\n    def m(self): return self.x\n','P().m()',('x:int=1','x:int=2'),('return self.x','return self.x+1'))
edits('namedtuple','import collections\nP=collections.namedtuple("P","a b")\n','tuple(P(1,2))',('"a b"','"a c"'))
edits('instance','class M(object):\n    def __init__(s,k): s.k=k\n    def f(s): return s.k\nm=M(3)\n','m.f()',('M(3)','M(4)'),('return s.k','return -s.k'))
edits('bound method','class M(object):\n    def __init__(s,k): s.k=k\n    def f(s): return s.k\nm=M(3).f\n','m()',('M(3)','M(4)'),('return s.k','return -s.k'))
edits('table of functions','def p(): return 1\ndef q(): return 2\nT={"p":p,"q":q}\n','T["p"]()',('return 1','return 5'))
edits('subclass','class A(object):\n    def f(s): return 1\nclass B(A): pass\n','B().f()',('return 1','return 9'))
edits('metaclass','class Me(type):\n    K=1\nB=Me("B",(object,),{})\n','B.K',('K=1','K=8'))
edits('generator helper','def g():\n    for i in range(3): yield i\n','list(g())',('range(3)','range(4)'))
edits('lambda','f=lambda x: x+1\n','f(2)',('x+1','x+3'))
edits('nested default','def f(x, k=[1]): return k[0]+x\n','f(2)',('k=[1]','k=[5]'))
edits('kwonly','def f(x, **k): return k.get("z",1)\n','f(2,z=3)',('"z",1','"z",2'))
edits('regex','import re\nP=re.compile("a+")\n','P.findall("aab")',('"a+"','"a"'))
edits('class attr via getattr','class C(object):\n    v=1\n','getattr(C,"v")',('v=1','v=2'))
edits('globals()','def f1(): return 1\n','globals()["f1"]()',('return 1','return 3'))
edits('in set const','S={1,2}\n','1 in S',('{1,2}','{2,3}'))
edits('comprehension','K=3\n','[i*K for i in range(2)]',('K=3','K=4'))
edits('exceptions','def f():\n    try:\n        return 1/0\n    except ZeroDivisionError:\n        return 5\n','f()',('return 5','return 6'))
check('shadowed builtin', go('def sum(x): return 42\n'+R%'sum([1])')[1],[42]); check('unshadowed', go(R%'sum([1])')[1],[1])
# attribute of the same name as a global is no use of it
t='def mean(): return 1\nclass D(object):\n    def mean(self): return 7\nimport decimal\n'+R%'len([].__class__.__name__) or X.mean()'
go(t); check('same-named global', go(t.replace('return 1','return 2'))[0],[])
# defaults as closure, wrapped reactors
t='''
for i in range(3):
    def body(pipe, i=i):
        note(i); pipe.send('v%d' % i, i)
    body.__name__='body%d'%i; ReactorFunc(body)
import functools
def deco(f):
    @functools.wraps(f)
    def w(*a): return f(*a)
    return w
@ReactorFunc
@deco
def mid(pipe, config):
    v=yield pipe.receive('v2')
    pipe.send('m', v*config.k)
@ReactorFunc
def show(pipe, config=None):
    m=yield pipe.receive('m'); out([m, config.k])
'''
check('defaults and wrapped', go(t,config={'k':5})[1],[[10,5]])
check('again', go(t,config={'k':5}),([],[[10,5]]))
check('edit of wrapped', go(t.replace('v*','1+v*'),config={'k':5})[1],[[11,5]])
# optional input
t='''
@ReactorFunc
def use(pipe):
    note('use')
    try: x=yield pipe.receive('maybe')
    except hotload.HotloadError: x=0
    pipe.send('x', x)
@ReactorFunc
def show(pipe): out((yield pipe.receive('x')))
'''
check('optional absent', go(t),(['use'],[0])); check('optional absent again', go(t),([],[0]))
t2=t+'''
@ReactorFunc
def m(pipe): pipe.send('maybe', 5)
'''
check('optional there', go(t2),(['use'],[5])); check('optional gone', go(t)[1],[0])
# config changed in place
m=load(R%"pipe.read_config('k')")
with hotload.Plant(os.path.join(d,'s2'),{'k':[1]}) as p:
    p.run_reactor('show'); p.get_config_object().k.append(2); p.run_reactor('show'); check('config in place', outs, [[1],[1,2]])
c=hotload.ConfigValue(); c.k=1
for k,w in ((1,['a']),(1,[]),(2,['a']),(1,[])):
    c.k=k; check('ConfigValue', go(R%"pipe.read_config('v').k",config={'v':c}),(w,[k])); check('nested ConfigBase', go(R%"pipe.read_config('w').k*100",config={'w':hotload.ConfigBase({'k':k})}),(w,[k*100]))
# depends_on missing
t=R%"os.path.exists(pipe.depends_on(os.path.join(D,'nofile')))"
t='import os\nD=%r\n'%d+t
check('missing file', go(t),(['a'],[False])); check('missing file', go(t),([],[False]))
open(os.path.join(d,'nofile'),'w').close(); check('file came', go(t),(['a'],[True])); os.remove(os.path.join(d,'nofile')); check('file went', go(t),([],[False]))
# finally blocks
t='''
@ReactorFunc
def a(pipe):
    try:
        x=yield pipe.receive('nothing_sends_this')
    finally: note('finally')
'''
try: go(t,'a')
except hotload.HotloadError as e: check('finally', ran, ['finally']); print(e)
# two versions of a value side by side, file sent from store path
t='''
@ReactorFunc
def a(pipe):
    p=pipe.allocate('f', Ingredient.Type.file)
    open(p,'w').write('x'*10)
@ReactorFunc
def b(pipe):
    p=yield pipe.receive('f'); pipe.send('g', p, Ingredient.Type.file); pipe.send('h', p, 'file')
@ReactorFunc
def show(pipe):
    for n in 'fgh':
        p=yield pipe.receive(n); out(len(open(p).read()))
'''
check('file of a file', go(t)[1],[10]*3); check('file of a file', go(t)[1],[10]*3)
try: go(R%"1".replace('1',"1")); go((R%'1').replace("'x', 1","'x', '/no/such', 'file'"))
except hotload.HotloadError as e: print(e)
try: go((R%'1').replace("pipe.send('x', 1)","pipe.allocate('x', 'buffer')"))
except hotload.HotloadError as e: print(e)
try: go((R%'1').replace("pipe.send('x', 1)","pipe.allocate('x', 'object')"))
except hotload.HotloadError as e: print(e)
try: go((R%'1').replace("pipe.send('x', 1)","pipe.send('x', 1, 'array')"))
except hotload.HotloadError as e: print(e)
try: hotload.Plant(os.path.join(d,'s')).run_reactor('sho')
except hotload.HotloadError as e: print(e)
m=load(R%'1')
try:
    with hotload.Plant(os.path.join(d,'s')) as p: p.add_reactors(m.a, 5)
except hotload.HotloadError as e: print(e)
shutil.rmtree(d)

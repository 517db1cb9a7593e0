import sys, random, time
sys.path.insert(0,'more')
import lab as labs, scenarios as S
from lab import Failure
python=sys.argv[1]; rounds=int(sys.argv[2]); seed=int(sys.argv[3])
adapter=labs.pathlib.Path('more/adapters/hotload.py')
l=labs.Lab(adapter,python,None,{'x'})
text=S.STEPS
l.write(text); l.config(n=0)
span=l.run('show').good(S.steps_out(0)).run_seconds
rng=random.Random(seed); killed=0; now=0; bad=[]
for n in range(1,rounds+1):
    l.config(n=n); c=l.start('show'); killed+=l.kill(c,rng.random()*span*0.5); l.finish(c)
    if n%3==0:   # a check with the old or the new
        now=rng.choice([now,n]); l.config(n=now)
        try: l.run('show',timeout=30).good(S.steps_out(now))
        except Failure as e: bad.append((n,now,str(e)))
print('seed',seed,'killed alive',killed,'of',rounds,'bad',bad, 'files', len(l.files()), 'bytes', l.store_bytes())
l.close()

import io
t=io.open('/work/scratch/live/tests_body.py',encoding='utf-8').read()
s=io.open('/work/scratch/live/situations.txt',encoding='utf-8').read()
t=t.replace('@@SITUATIONS@@','\n'+s.replace('\\','\\\\'))
io.open('/work/scratch/live/tests_live.py','w',encoding='utf-8').write(t)
S='/work/scratch/'
h=io.open(S+'tests_head.py',encoding='utf-8').read().replace("import errno\n","import errno\nimport gc\n")
tail=io.open(S+'tests_tail.py',encoding='utf-8').read()
io.open('/work/scratch/live/test_hotload.py','w',encoding='utf-8').write(h+'\n\nNUMBERS = list(range(20))\n\n\n'+t+'\n\n'+tail)

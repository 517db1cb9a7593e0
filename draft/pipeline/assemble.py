import re, sys
base = open('base.py').read()
def cut(number):
    mark = '#' * 78 + '\n## %d. ' % number
    return base.index(mark)
i = cut(2)
base = base[:i] + open('add_1.py').read() + '\n\n' + base[i:]
i = base.index('#' * 78 + '\n## 15. Run')
parts = [open('s_%s.py' % name).read().rstrip('\n') for name in ('pstore', 'meaning', 'values', 'reactors', 'workers', 'schedule', 'plant')]
base = base[:i] + '\n\n\n'.join(parts) + '\n\n\n' + base[i:]
for old, new in eval(open('edits_above.py').read()):
    if old not in base:
        print('not there:', old[:60])
    base = base.replace(old, new)
open('hotload.py', 'w').write(base)

"""Makes ../hotload.py from hotload.py and the files here."""
import io, os
HERE = os.path.dirname(os.path.abspath(__file__))
def read(name): return io.open(os.path.join(HERE, name), encoding='utf-8').read()
base = read('hotload.py')
rule = '#' * 78 + '\n'
at = base.index(rule + '## 2. ')
base = base[:at] + read('add_1.py').rstrip('\n') + '\n\n\n' + base[at:]
at = base.index(rule + '## 15. ')
sections = ''.join(read('s%d.py' % n).rstrip('\n') + '\n\n\n' for n in range(13, 20))
base = base[:at] + sections + base[at:].replace('## 15. Run', '## 20. Run')
for old, new in eval(read('edits_above.py')):
    if old not in base:
        print('not there:', old[:60].strip())
    base = base.replace(old, new)
io.open(os.path.join(HERE, '..', 'hotload.py'), 'w', encoding='utf-8').write(base)

"""base.py + edits.py + add_1.py + s_store.py + s_rerun.py -> hotload.py"""
base = open('base.py').read()
for old, new in eval(open('edits.py').read()):
    if base.count(old) != 1:
        print('not there once (%d): %r' % (base.count(old), old[:80]))
    base = base.replace(old, new)
mark = '#' * 78 + '\n## 2. '
at = base.index(mark)
base = base[:at] + open('add_1.py').read().rstrip('\n') + '\n\n\n' + base[at:]
mark = '#' * 78 + '\n## 15. Run -- start'
at = base.index(mark)
base = base[:at] + '\n\n\n'.join(open(name).read().rstrip('\n') for name in ('s_store.py', 's12_observe.py', 's13_versions.py', 's14_statements.py', 's15_rerun.py')) + '\n\n\n' + base[at:]
open('hotload.py', 'w').write(base)

"""Patch standard library modules from one version's text to another's; afterwards functions equal those of a fresh import."""
import sys, os, glob, types, tempfile, traceback, importlib, warnings
warnings.simplefilter('ignore')
sys.path.insert(0, '/work/scratch/live'); sys.dont_write_bytecode = True
import hotload
a, b = sys.argv[1:3]
names = sys.argv[3:] or 'argparse ast base64 bdb bisect calendar cmd code codecs collections configparser contextlib copy csv dataclasses datetime decimal difflib dis enum filecmp fileinput fnmatch fractions ftplib functools getopt gettext glob gzip hashlib heapq hmac imaplib inspect ipaddress keyword linecache locale mailbox mimetypes numbers opcode operator optparse pathlib pdb pickle pickletools platform plistlib poplib pprint profile pstats queue quopri random reprlib sched selectors shelve shlex shutil smtplib socket socketserver statistics string stringprep subprocess symtable tabnanny tarfile tempfile textwrap threading timeit token tokenize trace traceback types typing uuid warnings wave weakref zipfile'.split()
d = os.path.realpath(tempfile.mkdtemp()); sys.path.insert(0, d)
def find(root, n):
    for p in (root + '/%s.py' % n, root + '/%s/__init__.py' % n):
        if os.path.exists(p): return open(p, encoding='utf-8').read()
def shapes(space, name):
    out = {}
    for k, v in space.items():
        if isinstance(v, types.FunctionType) and v.__code__.co_filename.startswith(d): out[k] = (hotload.shape(v.__code__), v.__code__.co_firstlineno, repr_(v.__defaults__))
        elif isinstance(v, type) and v.__module__ == name:
            for n, f in vars(v).items():
                g = getattr(f, '__func__', getattr(f, 'fget', f))
                if isinstance(g, types.FunctionType) and g.__code__.co_filename.startswith(d): out[k + '.' + n] = hotload.shape(g.__code__), g.__code__.co_firstlineno, repr_(g.__defaults__)
            out[k] = 'class', [x.__name__ for x in v.__mro__]
    return out
def repr_(x):
    return None if x is None else [type(y).__name__ + (repr(y) if isinstance(y, (int, str, bytes)) else '') for y in x]
import time, ast, __future__
def flags(t): return sum(getattr(__future__, a.name).compiler_flag for s in ast.parse(t).body if isinstance(s, ast.ImportFrom) and s.module == '__future__' for a in s.names)
tot = bad = 0
for n in names:
    ta, tb = find(a, n), find(b, n)
    if not ta or not tb: continue
    mod = 'zz_' + n; path = os.path.join(d, mod + '.py')
    try: fresh = {'__name__': mod, '__file__': path}; [exec(compile(ast.Module([s],[]), path, 'exec', flags(tb), True), fresh) for s in ast.parse(tb).body]
    except Exception as e: continue
    open(path, 'w', encoding='utf-8').write(ta)
    patch = hotload.LivePatch(d)
    try: m = importlib.import_module(mod)
    except Exception as e: patch.close(); continue
    tot += 1
    try:
        open(path, 'w', encoding='utf-8').write('# moved\n' + ta); t0 = time.time()
        c = patch.apply(path)
        if c: print(n, 'a comment did', [str(x) for x in c][:5])
        open(path, 'w', encoding='utf-8').write(tb); t1 = time.time()
        c = patch.apply(path); t2 = time.time()
        want, got = shapes(fresh, mod), shapes(vars(m), mod)
        diff = [k for k in want if want[k] != got.get(k)]
        extra = [k for k in got if k not in want]
        failed = [str(x) for x in c if x.kind == 'Failed']
        if diff or extra or failed:
            bad += 1
            print('%-12s %3d changes, differ %s extra %s failed %s' % (n, len(c), diff[:6], extra[:6], failed[:3]))
            for k in diff[:2]:
                w, g = want[k], got.get(k)
                if g and w[0] != 'class': print('     ', k, 'lines', w[1], g[1], 'defaults', w[2] == g[2], 'shape', w[0] == g[0], [(i, x, y) for i, (x, y) in enumerate(zip(w[0], g[0])) if x != y][:1].__repr__()[:200])
                else: print('     ', k, w, g)
    except Exception: bad += 1; print(n); traceback.print_exc()
    patch.close()
print('modules', tot, 'not equal', bad)

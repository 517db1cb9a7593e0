import io, os, re, sys, traceback, tempfile, shutil, linecache
sys.path.insert(0, '/work/scratch/live')
import hotload
def parse(text):
    for block in re.split(r'(?m)^=== ', text)[1:]:
        title, _, rest = block.partition('\n')
        parts = [(h.split(), t) for h, t in re.findall(r'(?ms)^--- ([^\n]*)\n(.*?)(?=^--- |\Z)', rest)]
        yield title, parts
def encode(words, text):
    if 'noend' in words: text = text.rstrip('\n')
    if 'crlf' in words: text = text.replace('\n', '\r\n')
    data = text.encode('latin-1' if 'latin-1' in words else 'utf-8')
    return (b'\xef\xbb\xbf' if 'bom' in words else b'') + data
def where_line(fn):
    try: fn()
    except Exception:
        tb = sys.exc_info()[2]
        while tb.tb_next: tb = tb.tb_next
        return tb.tb_lineno
    import inspect
    return fn.__code__.co_firstlineno
def raises(kind, fn, *a):
    try: fn(*a)
    except kind: return True
def drive(co):
    try: co.send(None)
    except StopIteration as s: return s.value
def play(parts):
    folder = os.path.realpath(tempfile.mkdtemp()); sys.path.insert(0, folder); known = set(sys.modules)
    sys.dont_write_bytecode = True
    space = {'where_line': where_line, 'raises': raises, 'drive': drive}
    patch, dirty, said = None, [], []
    try:
        for words, text in parts:
            if words[0] in ('hold', 'check'):
                if patch is None: patch = hotload.LivePatch(folder)
                if dirty: 
                    said += [str(c) for c in patch.apply()]
                dirty = []
                exec(compile(text, '<%s>' % words[0], 'exec', 0, True), space)
            else:
                path = os.path.join(folder, words[0])
                if not os.path.isdir(os.path.dirname(path)): os.makedirs(os.path.dirname(path))
                with open(path, 'wb') as f: f.write(encode(words, text))
                dirty.append(path)
        return None
    except Exception:
        return traceback.format_exc() + '\n'.join(said)
    finally:
        sys.path.remove(folder)
        for n in set(sys.modules) - known:
            if str(getattr(sys.modules[n], '__file__', '')).startswith(folder): del sys.modules[n]
        if patch: patch.close()
        shutil.rmtree(folder)
n = bad = 0
only = sys.argv[1] if len(sys.argv) > 1 else ''
for title, parts in parse(io.open('/work/scratch/live/situations.txt', encoding='utf-8').read()):
    match = re.search(r'\[([\d.]+)\]', title)
    least = tuple(map(int, match.group(1).split('.'))) if match else (2, 7)
    if sys.version_info < least or only not in title: continue
    n += 1
    why = play(parts)
    if why:
        bad += 1; print('FAIL', title); print(why)
print(sys.version_info[:2], n - bad, 'of', n)

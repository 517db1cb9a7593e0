import io
S='/work/scratch/'
head=io.open('/work/main/test_hotload.py',encoding='utf-8').read()
cut=head.index('class Clock(object)')
head=head.split('\n##############################################################################')[0] if False else head
lines=head.split('\n')
end=[i for i,l in enumerate(lines) if l.startswith('####')][0]
head='\n'.join(lines[:[i for i,l in enumerate(lines) if l.startswith('class TestLayout') or l.startswith('class Test')][0]]).replace('import time\nimport unittest','import time\nimport traceback\nimport unittest')
body=io.open('tests_cache_body.py',encoding='utf-8').read().replace('@@SEQUENCES@@', io.open('sequences.txt',encoding='utf-8').read().strip())
if 'def read_file' not in head:
    body="def read_file(path):\n    with open(path, 'rb') as stream:\n        return stream.read()\n\n\n"+body
tail="\n\nif not hasattr(unittest.TestCase, 'assertRegexpMatches'):\n    unittest.TestCase.assertRegexpMatches = unittest.TestCase.assertRegex\n\nif __name__ == '__main__':\n    unittest.main()\n"
io.open('tests_cache.py','w',encoding='utf-8').write(head+'\n\n'+body+tail)

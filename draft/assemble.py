import re,sys
base=open('/work/main/hotload.py').read()
add=open('additions_1.py').read()
# section 1 additions before section 2 banner
mark='#'*78+'\n## 2. '
i=base.index(mark)
base=base[:i]+add+'\n\n'+base[i:]
mark='#'*78+'\n## 15. '
i=base.index(mark)
parts=[open('s%d.py'%n).read().rstrip('\n') for n in (7,8,9,10)]
text='\n\n\n'.join(parts)+'\n'
open('sections_7_8.py','w').write(text)
base=base[:i]+text+'\n\n'+base[i:]
for old,new in eval(open('edits_above.py').read()):
    if old not in base: print("not there:", old[:60].strip())
    base=base.replace(old,new)
open('hotload.py','w').write(base)

class Matrix(object):
    def __init__(self, r, c):
        self.rows = [[0] * c for _ in range(r)]
        self.r, self.c = r, c
    def __getitem__(self, k):
        return self.rows[k]
    def row(self, i):
        return self.rows[i]
    def mul(self, o):
        out = Matrix(self.r, o.c)
        for i in range(self.r):
            for j in range(o.c):
                for k in range(self.c):
                    out[i][j] += self[i][k] * o[k][j]
        return out
m = Matrix(2, 2)
m[0][0] = 1
m[1][1] = 2
m.row(0)[1] = 5
m.row(1).append(6)
m.row(1).pop()
n = m.mul(m)
grid = [[0] * 4 for _ in range(4)]
def fill(x, y):
    if 0 <= x < 4 and 0 <= y < 4 and not grid[x][y]:
        grid[x][y] = 1 + x
        fill(x + 1, y)
        fill(x, y + 1)
fill(0, 0)
(grid[0] if n else grid[1]).append(7)
(grid or [])[1][0] = 'or'
[grid][0][2][1] = 'disp'
def get():
    return grid
get()[3][3] = 'call'
get()[3].append('more')
get().append([])
{'g': grid}['g'].append(1)
for row in grid[:4]:
    row[0] = row
    row.reverse()
for k, row in enumerate(grid[:3]):
    row[k], row[-1] = row[-1], row[k]
zip_ = list(zip(*[r for r in grid if isinstance(r, list)]))

// A tree of trees (Fenwick, in both directions) that would even allow the field to change.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> tree(n + 1, std::vector<int>(n + 1, 0));
    for (int row = 1; row <= n; row++) {
        std::string digits;
        std::cin >> digits;
        for (int column = 1; column <= n; column++) {
            for (int i = row; i <= n; i += i & -i) {
                for (int j = column; j <= n; j += j & -j) tree[i][j] += digits[column - 1] - '0';
            }
        }
    }
    auto total = [&](int row, int column) {
        int sum = 0;
        for (int i = row; i > 0; i -= i & -i) {
            for (int j = column; j > 0; j -= j & -j) sum += tree[i][j];
        }
        return sum;
    };
    for (int plot = 0; plot < m; plot++) {
        int a, b, c, d;
        std::cin >> a >> b >> c >> d;
        std::cout << total(c, d) - total(a - 1, d) - total(c, b - 1) + total(a - 1, b - 1)
                  << (plot + 1 < m ? ' ' : '\n');
    }
}

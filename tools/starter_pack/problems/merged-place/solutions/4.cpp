// Throw away about half of the remaining k at a time: the lighter of the two boats' k/2-th fish and
// all before it on that boat need not be looked at again.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, m, k;
    std::cin >> n >> m >> k;
    std::vector<int> a(n), b(m);
    for (int& weight : a) std::cin >> weight;
    for (int& weight : b) std::cin >> weight;
    int i = 0, j = 0;
    while (true) {
        if (i == n) {
            std::cout << b[j + k - 1] << "\n";
            return 0;
        }
        if (j == m) {
            std::cout << a[i + k - 1] << "\n";
            return 0;
        }
        if (k == 1) {
            std::cout << std::min(a[i], b[j]) << "\n";
            return 0;
        }
        int from_a = std::min(k / 2, n - i);
        int from_b = std::min(k / 2, m - j);
        if (a[i + from_a - 1] <= b[j + from_b - 1]) {
            i += from_a;
            k -= from_a;
        } else {
            j += from_b;
            k -= from_b;
        }
    }
}

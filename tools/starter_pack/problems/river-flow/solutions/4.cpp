// Let the water of every pond travel one brook at a time: after n rounds all of it has passed.
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> next(n + 1), moving(n + 1), passed(n + 1, 0);
    for (int i = 1; i <= n; i++) std::cin >> next[i];
    for (int i = 1; i <= n; i++) std::cin >> moving[i];
    for (int round = 0; round < n; round++) {
        std::vector<int> arriving(n + 1, 0);
        for (int i = 1; i <= n; i++) {
            passed[i] += moving[i];
            if (next[i] != 0) arriving[next[i]] += moving[i];
        }
        moving = arriving;
    }
    for (int i = 1; i <= n; i++) std::cout << passed[i] << (i < n ? ' ' : '\n');
}

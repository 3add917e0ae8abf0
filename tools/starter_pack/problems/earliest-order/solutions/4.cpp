// A tournament over all jobs: each leaf is a free job or nobody, each inner node its smaller child.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> later(n);
    std::vector<int> open(n, 0);
    for (int i = 0; i < m; i++) {
        int x, y;
        std::cin >> x >> y;
        later[x - 1].push_back(y - 1);
        open[y - 1]++;
    }
    int size = 1;
    while (size < n) size *= 2;
    std::vector<int> winner(2 * size, n);
    auto enter = [&](int job, int value) {
        int node = size + job;
        winner[node] = value;
        for (node /= 2; node >= 1; node /= 2) {
            winner[node] = std::min(winner[2 * node], winner[2 * node + 1]);
        }
    };
    for (int job = 0; job < n; job++) {
        if (open[job] == 0) enter(job, job);
    }
    for (int step = 0; step < n; step++) {
        int job = winner[1];
        std::cout << job + 1 << (step + 1 < n ? ' ' : '\n');
        enter(job, n);
        for (int next : later[job]) {
            if (--open[next] == 0) enter(next, next);
        }
    }
}

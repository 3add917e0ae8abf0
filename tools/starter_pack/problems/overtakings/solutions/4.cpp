// Walk the arrivals backwards and keep those seen in order: the smaller of them were passed.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> finish(n), later;
    for (int& runner : finish) std::cin >> runner;
    long long overtakings = 0;
    for (int i = n - 1; i >= 0; --i) {
        auto place = std::lower_bound(later.begin(), later.end(), finish[i]);
        overtakings += place - later.begin();
        later.insert(place, finish[i]);
    }
    std::cout << overtakings << "\n";
}

// Merge the two sorted wheels.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<int> first(n), second(m);
    for (int& number : first) std::cin >> number;
    for (int& number : second) std::cin >> number;
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    int wins = 0, below = 0;
    for (int number : first) {
        while (below < m && second[below] < number) below++;
        wins += below;
    }
    int common = std::gcd(wins, n * m);
    std::cout << wins / common << "/" << n * m / common << "\n";
}

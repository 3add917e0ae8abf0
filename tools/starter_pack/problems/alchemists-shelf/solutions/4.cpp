// Sets of substances as bits of one number; a pass over the book at a time.
#include <cstdint>
#include <iostream>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::uint64_t have = 0;
    for (int i = 0; i < 3; i++) {
        int substance;
        std::cin >> substance;
        have |= std::uint64_t{1} << substance;
    }
    std::vector<std::uint64_t> needs(m), gives(m);
    for (int i = 0; i < m; i++) {
        int a, b, c;
        std::cin >> a >> b >> c;
        needs[i] = std::uint64_t{1} << a | std::uint64_t{1} << b;
        gives[i] = std::uint64_t{1} << c;
    }
    for (std::uint64_t before = 0; before != have;) {
        before = have;
        for (int i = 0; i < m; i++) {
            if ((before & needs[i]) == needs[i]) have |= gives[i];
        }
    }
    for (int substance = 1; substance <= n; substance++) std::cout << (have >> substance & 1);
    std::cout << "\n";
}

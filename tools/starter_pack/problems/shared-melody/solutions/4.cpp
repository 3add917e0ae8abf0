// One bit for each note of the second song; an addition lets all carries of a row run at once.
#include <bitset>
#include <cstdint>
#include <iostream>
#include <string>

int main() {
    int n, m;
    std::string first, second;
    std::cin >> n >> m >> first >> second;  // m is at most 62, so one word of 64 bits holds a row
    std::uint64_t all = (std::uint64_t{1} << m) - 1;
    std::uint64_t row = all;
    for (char note : first) {
        std::uint64_t same = 0;
        for (int j = 0; j < m; ++j)
            if (second[j] == note) same |= std::uint64_t{1} << j;
        std::uint64_t kept = row & same;
        row = ((row + kept) | (row - kept)) & all;
    }
    std::cout << m - static_cast<int>(std::bitset<64>(row).count()) << "\n";
}

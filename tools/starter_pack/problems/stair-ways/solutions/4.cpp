// From the top down: in how many ways each stair, and at last the ground, leads to the top.
#include <array>
#include <iostream>
#include <string>

int main() {
    int n;
    std::string stairs;
    std::cin >> n >> stairs;
    // to_top[k]: the ways that lead to the top from the stair k + 1 above the one looked at.
    std::array<int, 3> to_top = {1, 0, 0};
    for (int stair = n - 2; stair >= -1; stair--) {
        int here = (to_top[0] + to_top[1] + to_top[2]) % 997;
        if (stair >= 0 && stairs[stair] == 'b') here = 0;
        to_top = {here, to_top[0], to_top[1]};
    }
    std::cout << to_top[0] << "\n";
}

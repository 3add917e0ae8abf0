// Reads each numeral from its end, where no letter may be smaller than the largest one so far; writes
// the total by always taking the largest step that fits.
#include <algorithm>
#include <iostream>
#include <string>

int worth(char letter) {
    const std::string letters = "IVXLCDM";
    const int sizes[] = {1, 5, 10, 50, 100, 500, 1000};
    return sizes[letters.find(letter)];
}

int main() {
    int n, total = 0;
    std::cin >> n;
    for (int i = 0; i < n; i++) {
        std::string price;
        std::cin >> price;
        int largest = 0;
        for (auto letter = price.rbegin(); letter != price.rend(); ++letter) {
            int size = worth(*letter);
            total += size < largest ? -size : size;
            largest = std::max(largest, size);
        }
    }
    const std::string steps[] = {"M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"};
    const int sizes[] = {1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1};
    for (int i = 0; i < 13; i++) {
        for (; total >= sizes[i]; total -= sizes[i]) std::cout << steps[i];
    }
    std::cout << "\n";
}

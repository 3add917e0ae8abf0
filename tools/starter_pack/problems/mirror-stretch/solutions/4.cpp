// Joints between the tiles become places of their own, and every known mirror tells how far those
// inside its right half reach at least, so that the whole frieze is read only once.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::string word;
    std::cin >> n >> word;
    std::string places = "|";
    for (char tile : word) {
        places += tile;
        places += '|';
    }
    int size = static_cast<int>(places.size());
    std::vector<int> reach(size, 0);
    int centre = 0, edge = 0, best = 0;
    for (int i = 0; i < size; ++i) {
        if (i < edge) reach[i] = std::min(edge - i, reach[2 * centre - i]);
        while (i - reach[i] - 1 >= 0 && i + reach[i] + 1 < size &&
               places[i - reach[i] - 1] == places[i + reach[i] + 1])
            ++reach[i];
        if (i + reach[i] > edge) {
            centre = i;
            edge = i + reach[i];
        }
        if (reach[i] > reach[best]) best = i;
    }
    std::cout << word.substr((best - reach[best]) / 2, reach[best]) << "\n";
}

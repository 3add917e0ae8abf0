// A table for each name: do the first i letters fit the first j signs?
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::string pattern;
    std::cin >> n >> pattern;
    for (int guest = 0; guest < n; guest++) {
        std::string name;
        std::cin >> name;
        std::vector<std::vector<bool>> fits(name.size() + 1, std::vector<bool>(pattern.size() + 1));
        fits[0][0] = true;
        for (std::size_t i = 0; i <= name.size(); i++) {
            for (std::size_t j = 1; j <= pattern.size(); j++) {
                char sign = pattern[j - 1];
                if (sign == '*') {
                    fits[i][j] = fits[i][j - 1] || (i > 0 && fits[i - 1][j]);
                } else if (i > 0) {
                    fits[i][j] = fits[i - 1][j - 1] && (sign == '?' || sign == name[i - 1]);
                }
            }
        }
        std::cout << fits[name.size()][pattern.size()];
    }
    std::cout << "\n";
}

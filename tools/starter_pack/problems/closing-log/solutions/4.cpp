// Write down for every depth which box was opened there last; the depths up to the final one count.
#include <cctype>
#include <iostream>
#include <string>

int main() {
    int n;
    std::string log;
    std::cin >> n >> log;
    std::string opened_at(n + 1, ' ');
    int depth = 0;
    for (char letter : log) {
        if (std::isupper(static_cast<unsigned char>(letter)))
            opened_at[++depth] = letter;
        else
            --depth;
    }
    for (; depth > 0; --depth) std::cout << static_cast<char>(std::tolower(opened_at[depth]));
    std::cout << "\n";
}

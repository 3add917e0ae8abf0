// Drop each talk that contains another one; then go backwards from the latest beginning.
#include <iostream>
#include <vector>

int main() {
    const int minutes = 200;
    int n;
    std::cin >> n;
    std::vector<int> latest_begin(minutes + 1, -1);  // of the talks that end in a minute
    for (int i = 0; i < n; ++i) {
        int begin, end;
        std::cin >> begin >> end;
        if (begin > latest_begin[end]) latest_begin[end] = begin;
    }
    // a talk that ends no later and begins no earlier is always the better choice
    for (int end = 1; end <= minutes; ++end)
        if (latest_begin[end - 1] > latest_begin[end]) latest_begin[end] = latest_begin[end - 1];
    int heard = 0;
    for (int now = minutes; latest_begin[now] >= 0; now = latest_begin[now]) ++heard;
    std::cout << heard << "\n";
}

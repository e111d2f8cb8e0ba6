#include "tracker/announce.hpp"

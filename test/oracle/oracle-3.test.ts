import { judgeEngine } from './judge.js';

judgeEngine(3);
